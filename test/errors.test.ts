import { expect, test } from 'vitest';
import { inPlace, SeedbedError } from '../src/errors.ts';
import { thrownBy } from './support.ts';

test('a message quotes no more of a file than a person reads, keeps both its ends, and steers no terminal', () => {
  const { message } = new SeedbedError(
    'BadFile',
    `x.json: \u001b[31mred\u0007\u009b\nnext${'x'.repeat(1e6)}: no known data set`,
  );
  expect(message).toMatch(/^x\.json: \\x1b\[31mred\\x07\\x9b\nnextx+ \.\.\. x+: no known data set$/);
  expect(message.length).toBeLessThan(5000);
});

test('what is said of a file begins with its name, once', () => {
  const throwing = (at?: string) => () => {
    throw new SeedbedError('BadShape', 'no output', at === undefined ? {} : { at });
  };
  const said = { kind: 'BadShape', at: 'a.onnx', message: 'a.onnx: no output' };
  expect(thrownBy(() => inPlace('a.onnx', throwing()))).toMatchObject(said);
  expect(thrownBy(() => inPlace('a.onnx', throwing('a.onnx')))).toMatchObject(said);
  expect(thrownBy(() => inPlace('a.onnx', throwing("Conv 'c'")))).toMatchObject({
    at: 'a.onnx',
    message: "a.onnx: Conv 'c': no output",
  });
  const own = new TypeError('ours');
  expect(
    thrownBy(() =>
      inPlace('a.onnx', () => {
        throw own;
      }),
    ),
  ).toBe(own);
  expect(inPlace('a.onnx', () => 7)).toBe(7);
});
