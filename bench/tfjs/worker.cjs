// A thread of TensorFlow.js's WebAssembly. Its loader hands scripts over as blob addresses, which Node's threads do not
// open; this runs the same scripts from the package's files.
const scripts = '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd';
URL.createObjectURL = () => require.resolve(`${scripts}.js`);
URL.revokeObjectURL = () => {};
const { wasmWorkerContents } = require(`${scripts}.worker.js`);
new Function('require', '__filename', wasmWorkerContents.replaceAll('\n', '\\n'))(require, __filename);
