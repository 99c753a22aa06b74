// Speed and memory of ONNX Runtime with one model.
import { openOnnx, request, timeTokens } from './onnx-model.mjs';
import { measureSpeed } from './rival-speed.mjs';

await measureSpeed(request, { open: openOnnx, timeTokens });
