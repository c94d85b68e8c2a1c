// `torc-frames ui`: its pages; and editors in any page of the same server, without them.
import "./host.css";
import { render } from "preact";
import { followTheme } from "../core/theme";
import { openEditor } from "./editor";
import { followLinks } from "./places";
import { enter, isKnown, keepLooking, look } from "./server";
import { Shell } from "./shell";

export { pack, unpack } from "./frames";
export { openEditor };

const TOKEN = /^#token=(.+)$/;

/** Show the token of the address to the server, and take it out of the address. */
async function begin(): Promise<void> {
  const found = TOKEN.exec(location.hash);
  if (!found) return look();
  history.replaceState(null, "", location.pathname);
  if (await enter(found[1])) isKnown.value = false;
}

const root = document.getElementById("torc-frames");
if (root) {
  root.className = "tf-app tf-ui";
  followTheme(root);
  followLinks();
  await begin();
  window.addEventListener("hashchange", begin);
  root.replaceChildren();
  render(<Shell />, root);
  keepLooking();
}
