/** How options must look, and how they are read: once, whole, and with every problem at its place. */
export { abortSignal, dictionary, having, isObject, list, type Members, object, oneOrMore } from "./parts.js";
export {
  across,
  also,
  needed,
  type Place,
  present,
  readAt,
  readOptions,
  requireFunction,
  requireText,
  requireVerbs,
  type Shape,
} from "./shape.js";
export { suggestion } from "./suggest.js";
export { anyText, callable, flag, number, oneOf, secretBytes, text, typed, whole } from "./values.js";
