import type { Problem } from "../call/problem";
import { CloseIcon } from "./icons";

interface Props {
  problem: Problem;
  onTypeOnly: (() => void) | null;
  onDismiss: (() => void) | null;
}

/** What went wrong, in words. */
export function Notice({ problem, onTypeOnly, onDismiss }: Props) {
  return (
    <div className="notice" role="alert" data-testid="problem" data-code={problem.code}>
      <div>
        <p className="notice-title">{problem.title}</p>
        <p className="notice-advice">{problem.advice}</p>
        {onTypeOnly && (
          <button type="button" className="plain" onClick={onTypeOnly} data-testid="connect-without-microphone">
            Go on without a microphone
          </button>
        )}
      </div>
      {onDismiss && (
        <button type="button" className="bare" onClick={onDismiss} aria-label="Close this message">
          <CloseIcon />
        </button>
      )}
    </div>
  );
}
