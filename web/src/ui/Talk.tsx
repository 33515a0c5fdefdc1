import { useEffect, useRef } from "react";
import type { CallState } from "../call/state";
import { download, transcriptText } from "../transcript";
import { EntryView } from "./EntryView";
import { DownloadIcon } from "./icons";

/** Within this distance of the end, the list follows what is said. */
const FOLLOW_PX = 120;

/** Everything that was said and done. */
export function Talk({ state }: { state: CallState }) {
  const list = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const { conversation } = state;
  useEffect(() => {
    const element = list.current;
    if (element === null) return;
    const follow = () => {
      if (following.current) element.scrollTop = element.scrollHeight;
    };
    follow();
    const resizes = new ResizeObserver(follow);
    resizes.observe(element);
    return () => resizes.disconnect();
  }, [conversation]);
  const onScroll = () => {
    const element = list.current;
    if (element) following.current = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX;
  };
  return (
    <section className="talk" aria-label="Transcript">
      <div className="talk-head">
        <h2>Transcript</h2>
        <button type="button" className="bare" disabled={conversation.length === 0} onClick={() => download(transcriptText(state))} data-testid="download">
          <DownloadIcon />
          <span>Save as text</span>
        </button>
      </div>
      <div className="talk-list" ref={list} onScroll={onScroll} tabIndex={0} role="log" aria-live="polite" aria-label="What was said" data-testid="transcript">
        {conversation.length === 0 ? (
          <p className="talk-empty">What you say and what it answers will stand here, word for word.</p>
        ) : (
          <ol className="entries">
            {conversation.map((entry) => (
              <EntryView key={entry.key} entry={entry} />
            ))}
          </ol>
        )}
      </div>
    </section>
  );
}
