import "@fontsource-variable/figtree/wght.css";
import "./styles/tokens.css";
import "./styles/page.css";
import "./styles/stage.css";
import "./styles/talk.css";
import "./styles/devices.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Call } from "./call/call";
import { platform } from "./platform";
import { App } from "./ui/App";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const call = new Call(platform);
// A closed page hangs up, so that the server need not wait for silence.
window.addEventListener("pagehide", () => call.hangUp());
createRoot(root).render(
  <StrictMode>
    <App call={call} />
  </StrictMode>,
);
