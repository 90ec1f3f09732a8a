document.title = "Dashboard";
import type { PageState } from "../page_shapes.ts";
let x: PageState | undefined;
document.body.textContent = x?.self ?? "";
