/** Colours, on a terminal whose user has not disabled them. */

import nodeProcess from "node:process";
import { styleText } from "node:util";
import { isGranted } from "@otp/processes/host/permissions";

/** Colours the output of a shell, or leaves it unchanged. */
export interface Paint {
  value(text: string): string;
  error(text: string): string;
}

export const PLAIN: Paint = { value: (text) => text, error: (text) => text };

/** Colours as iex does: strings green, numbers yellow, words magenta, errors red. */
export const COLOURED: Paint = {
  value: (text) =>
    text.replace(
      /"(?:[^"\\]|\\.)*"|#\w+<[^>\n]*>|\b(?:true|false|null|undefined)\b|(?<![\w.])-?\d[\d.e+]*n?/g,
      (token) => styled(colourOf(token), token),
    ),
  error: (text) => styled("red", text),
};

function colourOf(token: string): "green" | "yellow" | "magenta" | "cyan" {
  if (token.startsWith('"')) return "green";
  if (token.startsWith("#")) return "cyan";
  return /^[a-z]/.test(token) ? "magenta" : "yellow";
}

function styled(
  colour: "green" | "yellow" | "magenta" | "cyan" | "red",
  text: string,
): string {
  return styleText(colour, text, { validateStream: false });
}

/** Whether `NO_COLOR` disables colours. */
export function wantsNoColour(): boolean {
  const variable = "NO_COLOR";
  return !isGranted({ name: "env", variable }) ||
    (nodeProcess.env[variable] ?? "") !== "";
}
