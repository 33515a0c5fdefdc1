// AudioWorklet: hands on every sample it gets, with its position on the context's clock.
registerProcessor(
  "recorder",
  class extends AudioWorkletProcessor {
    process([[channel]]) {
      this.port.postMessage({ frame: currentFrame, samples: channel?.slice() ?? new Float32Array(128) });
      return true;
    }
  },
);
