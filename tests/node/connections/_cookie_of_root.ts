/** Prints the cookie of a file, or why not, as another user: `cookie_of_root.ts FILE UID GID`. */

import process from "node:process";
import { readCookieFile } from "../../../packages/node/host/cookie_file.ts";

const [file, uid, gid] = process.argv.slice(2);
process.setegid!(Number(gid));
process.seteuid!(Number(uid));
try {
  console.log(readCookieFile(file));
} catch (error) {
  console.log((error as Error).message);
}
process.seteuid!(0);
process.exit();
