/**
 * Strokes on a picture, as the address holds them: places are 0 to 255 over the picture's side, so that they fit any model.
 * @module
 */
export interface Stroke {
  readonly erases: boolean;
  /** Red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
  /** Width, of the picture's side 255. */
  readonly width: number;
  /** x, y, x, y, ... */
  readonly places: readonly number[];
}

/** Strokes as letters that an address may hold. */
export function writeStrokes(strokes: readonly Stroke[]): string {
  const bytes = strokes.flatMap(({ erases, colour, width, places }) => {
    const count = places.length / 2;
    return [erases ? 1 : 0, ...colour, width, count >> 8, count & 255, ...places];
  });
  const letters = bytes.map(byte => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The strokes that letters hold; none where they are damaged. */
export function readStrokes(text: string): Stroke[] {
  let bytes: number[];
  try {
    bytes = Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), letter => letter.charCodeAt(0));
  } catch {
    return [];
  }
  const strokes: Stroke[] = [];
  for (let at = 0; at + 7 <= bytes.length; ) {
    const [erases = 0, r = 0, g = 0, b = 0, width = 1, high = 0, low = 0] = bytes.slice(at, at + 7);
    const end = at + 7 + 2 * (256 * high + low);
    if (end > bytes.length) return [];
    strokes.push({ erases: erases === 1, colour: [r, g, b], width, places: bytes.slice(at + 7, end) });
    at = end;
  }
  return strokes;
}

/** The picture [1, C, H, W] with strokes on it. */
export function drawOn(base: ImageData, strokes: readonly Stroke[], channels: number) {
  const { width, height } = base;
  const layer = new OffscreenCanvas(width, height).getContext('2d')!;
  layer.lineCap = 'round';
  layer.lineJoin = 'round';
  for (const stroke of strokes) {
    layer.globalCompositeOperation = stroke.erases ? 'destination-out' : 'source-over';
    layer.strokeStyle = `rgb(${stroke.colour.join(' ')})`;
    layer.lineWidth = Math.max(0.5, (stroke.width * width) / 255);
    layer.beginPath();
    for (let i = 0; i < stroke.places.length; i += 2) {
      const [x, y] = [(stroke.places[i]! * width) / 255, (stroke.places[i + 1]! * height) / 255];
      if (i === 0) layer.moveTo(x, y);
      layer.lineTo(x, y);
    }
    layer.stroke();
  }
  const whole = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  whole.putImageData(base, 0, 0);
  whole.drawImage(layer.canvas, 0, 0);
  const { data } = whole.getImageData(0, 0, width, height);
  const plane = width * height;
  const planes = new Float32Array(channels * plane);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < plane; i++) planes[c * plane + i] = data[4 * i + c]! / 255;
  return { dtype: 'float32', shape: [1, channels, height, width], data: planes } as const;
}
