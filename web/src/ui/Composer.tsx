import { type FormEvent, type KeyboardEvent, useId, useState } from "react";
import { SendIcon } from "./icons";

/** Words instead of speech. */
export function Composer({ live, onSend }: { live: boolean; onSend: (text: string) => boolean }) {
  const field = useId();
  const [text, setText] = useState("");
  const send = () => {
    if (onSend(text)) setText("");
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form className="composer" onSubmit={onSubmit}>
      <label className="unseen" htmlFor={field}>
        Message to the assistant
      </label>
      <textarea
        id={field}
        rows={1}
        value={text}
        disabled={!live}
        placeholder={live ? "Type instead of speaking" : "Connect to type"}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        data-testid="message"
      />
      <button type="submit" className="send" disabled={!live || text.trim() === ""} aria-label="Send" data-testid="send">
        <SendIcon />
      </button>
    </form>
  );
}
