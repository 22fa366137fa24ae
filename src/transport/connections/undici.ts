// What is used of undici: the connection, and how it is opened. Its pools, agents and fetch are not.

export { buildConnector, Client, type Dispatcher } from "undici";
