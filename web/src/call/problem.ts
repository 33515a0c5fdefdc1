/** What can go wrong, in words for the person in front of the page. */

export interface Problem {
  code: string;
  title: string;
  advice: string;
}

/** A problem on its way up to the call. */
export class CallProblem extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

export const insecureOrigin: Problem = {
  code: "insecure-origin",
  title: "There is no microphone on this address",
  advice:
    "Browsers give a microphone only to pages that came over https, or from this same machine. " +
    "Open the page as http://localhost on the machine that runs it, or start it with “sonicrtc demo --lan”, which serves https.",
};

export const noCandidates: Problem = {
  code: "no-candidates",
  title: "The browser found no network address to call from",
  advice:
    "It offered no ICE candidates, as happens when the machine has no network but its own loopback. " +
    "Connect to a network, or start Chromium with --allow-loopback-in-peer-connection " +
    "(in Firefox, set media.peerconnection.ice.loopback to true in about:config).",
};

export const notConnected: Problem = {
  code: "not-connected",
  title: "No way was found between you and the server",
  advice:
    "Both sides offered addresses, but none of them reached the other. A firewall may block UDP; " +
    "a server on another network needs a TURN server in its settings.",
};

export const connectionLost: Problem = {
  code: "connection-lost",
  title: "The connection was lost",
  advice: "Nothing has come from the server for a while. Check the network and start again.",
};

export const serverAbsent: Problem = {
  code: "server-absent",
  title: "The server does not answer",
  advice: "It may have been stopped. Start it again with “sonicrtc demo” or “sonicrtc serve”, then start again here.",
};

export const signalingRefused: Problem = {
  code: "signaling-refused",
  title: "The signaling service refused the connection",
  advice: "The signed address may have expired, or the service is not running. Start again to get a fresh one.",
};

export const noAnswer: Problem = {
  code: "no-answer",
  title: "Nobody answered",
  advice: "The call was offered through the signaling service, but the server did not take it. See the server's log.",
};

export const soundBlocked: Problem = {
  code: "sound-blocked",
  title: "The browser holds the sound back",
  advice: "Press any button on this page to let it play.",
};

/** The server said no; `code` and `said` are what it gave as reason. */
export function serverRefused(status: number, code: string | null, said: string | null): Problem {
  const advice = said ?? "See the server's log.";
  if (code === "busy") return { code: "server-busy", title: "All lines are busy", advice };
  return { code: "server-refused", title: `The server refused the call (${status})`, advice };
}

export function offerRefused(said: string): Problem {
  return { ...signalingRefused, title: "The signaling service refused the call", advice: said || signalingRefused.advice };
}

export function serverError(message: string): Problem {
  return { code: "server-error", title: "The call could not go on", advice: message };
}

/** Say what a failed getUserMedia means. */
export function microphoneProblem(error: unknown): Problem {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return {
        code: "microphone-denied",
        title: "The microphone was not allowed",
        advice:
          "Allow it in the address bar of the browser (and in the system's privacy settings), then start again. " +
          "You can also go on without it and type.",
      };
    case "NotFoundError":
      return {
        code: "microphone-missing",
        title: "There is no microphone",
        advice: "Plug one in, or go on without it and type.",
      };
    case "NotReadableError":
    case "AbortError":
      return {
        code: "microphone-busy",
        title: "The microphone cannot be opened",
        advice: "Another program may be using it. Close that program, or choose another microphone.",
      };
    default:
      return {
        code: "microphone-failed",
        title: "The microphone cannot be used",
        advice: error instanceof Error && error.message ? error.message : "The browser gave no reason.",
      };
  }
}

/** Turn whatever was thrown into a problem; what is not ours is a fault of the page and says so. */
export function problemOf(error: unknown): Problem {
  if (error instanceof CallProblem) return error.problem;
  return {
    code: "page-fault",
    title: "Something in this page failed",
    advice: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  };
}
