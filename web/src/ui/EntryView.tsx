import { Fragment } from "react";
import type { Entry, Note, Speech, ToolUse } from "../call/conversation";
import { ToolIcon } from "./icons";
import { brief, clock, duration, spaced } from "./words";

export function EntryView({ entry }: { entry: Entry }) {
  switch (entry.kind) {
    case "speech":
      return <SpeechView speech={entry} />;
    case "tool":
      return <ToolView tool={entry} />;
    case "note":
      return <NoteView note={entry} />;
  }
}

function SpeechView({ speech }: { speech: Speech }) {
  const cut = speech.interruptedAfterMs;
  return (
    <li className="entry speech" data-role={speech.role} data-interrupted={cut !== null} data-testid={`said-${speech.role}`}>
      <div className="said-by">
        <span className="said-name">{speech.role === "user" ? "You" : "Assistant"}</span>
        <time>{clock(speech.atMs / 1000)}</time>
      </div>
      <p className="said">
        {speech.pieces.map((piece, index) => (
          // Pieces are only ever replaced in place, so their position names them.
          <Fragment key={index}>
            <span className="piece" data-stage={piece.stage}>
              {piece.text.trim()}
            </span>{" "}
          </Fragment>
        ))}
        {speech.typed && <span className="tag">typed</span>}
        {cut !== null && (
          <span className="tag tag-cut" data-testid="interrupted">
            interrupted after {(cut / 1000).toFixed(1)} s
          </span>
        )}
      </p>
    </li>
  );
}

const TOOL_WORDS: Record<ToolUse["event"]["status"], string> = {
  started: "Using",
  succeeded: "Used",
  failed: "Could not use",
  confirming: "Asks before using",
  cancelled: "Stopped",
};

function ToolView({ tool }: { tool: ToolUse }) {
  const { event } = tool;
  const ended = event.status !== "started";
  return (
    <li className="entry aside" data-status={event.status} data-testid="tool">
      <details>
        <summary>
          <ToolIcon />
          <span>
            {TOOL_WORDS[event.status]} <b>{spaced(event.name)}</b>
          </span>
          {ended && event.duration_ms !== undefined && <span className="aside-time">{duration(event.duration_ms)}</span>}
        </summary>
        <Code title="Asked with" value={event.arguments ?? {}} />
        {ended && <Code title={event.status === "failed" ? "Failed with" : "Got"} value={event.result ?? null} />}
      </details>
    </li>
  );
}

function NoteView({ note }: { note: Note }) {
  const { event } = note;
  if (event.type === "error") {
    return (
      <li className="entry aside aside-error" data-testid="error">
        {event.message}
      </li>
    );
  }
  if (event.type === "hand_over") {
    return (
      <li className="entry aside" data-testid="hand-over">
        <details>
          <summary>
            <span>
              Asks for a person: <b>{event.reason}</b>
            </span>
            <span className="aside-time">{clock(note.atMs / 1000)}</span>
          </summary>
          <Code title="To know" value={event.summary ?? ""} />
        </details>
      </li>
    );
  }
  return (
    <li className="entry aside" data-testid="app-event">
      <details>
        <summary>
          <span>
            App <b>{event.kind}</b>
          </span>
          <span className="aside-time">{clock(note.atMs / 1000)}</span>
        </summary>
        <Code title="Sent" value={event.data ?? null} />
      </details>
    </li>
  );
}

function Code({ title, value }: { title: string; value: unknown }) {
  return (
    <p className="code">
      <span>{title}</span> <code>{brief(value)}</code>
    </p>
  );
}
