/** Prints the user's cookie on request. */

import process from "node:process";
import { userCookie } from "../../../packages/node/host/cookie_file.ts";

console.log("ready");
await new Promise((resolve) => process.stdin.once("data", resolve));
console.log(await userCookie());
process.exit();
