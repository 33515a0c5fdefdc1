// AudioWorklet: tells when a sound begins after at least 200 ms of quiet, in seconds on the context's clock.
registerProcessor(
  "onset",
  class extends AudioWorkletProcessor {
    quiet = 0;

    process([[channel]]) {
      for (let n = 0; n < (channel?.length ?? 0); n += 1) {
        if (Math.abs(channel[n]) < 0.02) {
          this.quiet += 1;
        } else {
          if (this.quiet > 0.2 * sampleRate) this.port.postMessage(currentTime + n / sampleRate);
          this.quiet = 0;
        }
      }
      return true;
    }
  },
);
