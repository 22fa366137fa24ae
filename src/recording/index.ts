// Bodies on their way into the record. How a body is cut, masked and compared is this folder's business.
export type { CapturedBody } from "./capture.js";
export { createRecorder, type Recorder } from "./recorder.js";
export type { Upload } from "./upload.js";
