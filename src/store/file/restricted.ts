import fs from "node:fs";

/** Node's permission model takes `fsync` of descriptors away, from everybody: there each write waits for the disk instead. */
export const isRestricted: boolean =
  "permission" in process && process.permission !== undefined && fs.constants.O_DSYNC !== undefined;
