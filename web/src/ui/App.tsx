import { useEffect, useState, useSyncExternalStore } from "react";
import { microphoneObstacle } from "../audio/microphone";
import type { Call } from "../call/call";
import { soundBlocked } from "../call/problem";
import { isActive } from "../call/state";
import { audioContext } from "../platform";
import { Composer } from "./Composer";
import { Controls } from "./Controls";
import { Devices } from "./Devices";
import { Facts } from "./Facts";
import { Header } from "./Header";
import { Notice } from "./Notice";
import { Stage } from "./Stage";
import { Talk } from "./Talk";
import { VoicePicker } from "./VoicePicker";
import { useChoice } from "./useChoice";
import { useMeter } from "./useMeter";
import { useMicrophones } from "./useMicrophones";
import { useWakeLock } from "./useWakeLock";

export function App({ call }: { call: Call }) {
  const state = useSyncExternalStore(call.subscribe, call.state);
  const streams = useSyncExternalStore(call.subscribe, call.streams);
  const voices = useChoice(call, state);
  const microphones = useMicrophones(streams.microphone);
  const [obstacle] = useState(microphoneObstacle);
  useWakeLock(state.phase === "live");
  const input = useMeter(state.hasMicrophone ? streams.microphone : null);
  const output = useMeter(streams.remote);
  const problem = state.problem ?? (state.phase === "idle" ? obstacle : null);
  const typeOnly = problem !== null && !isActive(state) && problem.code.includes("microphone");

  const start = (withoutMicrophone: boolean) => {
    audioContext();
    void call.start({ deviceId: microphones.chosen, withoutMicrophone, choice: voices.chosen });
  };
  const choose = (id: string | null) => {
    microphones.choose(id);
    void call.useMicrophone(id);
  };

  return (
    <div className="page" data-phase={state.phase} data-empty={state.conversation.length === 0}>
      <Header state={state} />
      <main className="columns">
        <div className="column">
          <Stage
            state={state}
            input={input}
            output={output}
            canTalk={obstacle === null}
            onStart={() => start(false)}
            onHangUp={() => call.hangUp()}
          />
          <Controls call={call} state={state} input={input} microphones={microphones} onChoose={choose} />
          {voices.offered.open && <VoicePicker voices={voices} state={state} />}
          <Facts state={state} />
        </div>
        <div className="column">
          {problem && (
            <Notice
              problem={problem}
              onTypeOnly={typeOnly || obstacle !== null ? () => start(true) : null}
              onDismiss={state.problem && isActive(state) ? () => call.report(null) : null}
            />
          )}
          <Devices state={state} onSwitch={(device, change) => call.switchDevice(device, change)} />
          <Talk state={state} />
          <Composer live={state.phase === "live"} onSend={(text) => call.sendText(text)} />
        </div>
      </main>
      <Loudspeaker stream={streams.remote} onBlocked={() => call.report(soundBlocked)} />
    </div>
  );
}

function Loudspeaker({ stream, onBlocked }: { stream: MediaStream | null; onBlocked: () => void }) {
  const [element, setElement] = useState<HTMLAudioElement | null>(null);
  useEffect(() => {
    if (element === null) return;
    element.srcObject = stream;
    if (stream === null) return;
    const play = () => element.play();
    play().catch((error: unknown) => {
      // AbortError only says that the call ended meanwhile.
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return;
      onBlocked();
      document.addEventListener("click", play, { once: true });
    });
    return () => document.removeEventListener("click", play);
  }, [element, stream]);
  return <audio ref={setElement} autoPlay playsInline hidden />;
}
