// Runs in the page before its own script: a microphone that can be spoken into, and a recorder.
globalThis.implant = (() => {
  const context = new AudioContext({ sampleRate: 48_000 });
  const blocks = { heard: [], received: [] };
  const events = [];

  // Note when each event reached the page, on the recorder's clock.
  const { createDataChannel } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createDataChannel = function (...args) {
    const channel = createDataChannel.apply(this, args);
    channel.addEventListener("message", ({ data }) => events.push({ type: JSON.parse(data).type, time: context.currentTime, data }));
    return channel;
  };

  let microphone = null;
  const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

  async function tap(stream, into) {
    const recorder = new AudioWorkletNode(context, "recorder", { channelCount: 1, channelCountMode: "explicit" });
    recorder.port.onmessage = ({ data }) => into.push(data);
    context.createMediaStreamSource(stream).connect(recorder).connect(context.destination);
    await new Promise((resolve) => recorder.port.addEventListener("message", resolve, { once: true }));
  }

  /** Samples from `first` on, as base64 of int16. */
  function joined(recording, first) {
    const last = recording.at(-1);
    const pcm = new Int16Array(last.frame + last.samples.length - first);
    for (const { frame, samples } of recording) {
      if (frame >= first) pcm.set(samples.map((sample) => Math.max(-1, Math.min(1, sample)) * 32_767), frame - first);
    }
    return btoa(new Uint8Array(pcm.buffer).reduce((all, byte) => all + String.fromCharCode(byte), ""));
  }

  return {
    replaceMicrophone() {
      microphone = context.createMediaStreamDestination();
      MediaDevices.prototype.getUserMedia = async () => microphone.stream;
    },

    async say(base64) {
      const source = context.createBufferSource();
      source.buffer = await context.decodeAudioData(bytes(base64).buffer);
      source.connect(microphone);
      await new Promise((resolve) => {
        source.onended = resolve;
        source.start();
      });
    },

    async record() {
      await context.audioWorklet.addModule("./recorder.js");
      const stream = document.querySelector("audio").srcObject;
      // A clone has an enabled flag of its own: it gives what came, whatever the page lets through.
      await Promise.all([tap(stream, blocks.heard), tap(stream.clone(), blocks.received)]);
    },

    /** Whether something above -50 dBFS came at least this long ago. */
    soundsFor(seconds) {
      const first = blocks.received.find(({ samples }) => samples.some((sample) => Math.abs(sample) > 10 ** (-50 / 20)));
      return first !== undefined && context.currentTime - first.frame / context.sampleRate >= seconds;
    },

    secondsSince(type) {
      const event = events.find((candidate) => candidate.type === type);
      return event === undefined ? 0 : context.currentTime - event.time;
    },

    isMuted: () => microphone.stream.getAudioTracks().every((track) => !track.enabled),

    recorded() {
      const rate = context.sampleRate;
      const first = Math.max(blocks.heard[0].frame, blocks.received[0].frame);
      const marks = events.map(({ type, time, data }) => ({ ...JSON.parse(data), type, at: Math.round(time * rate) - first }));
      return { rate_hz: rate, heard: joined(blocks.heard, first), received: joined(blocks.received, first), marks };
    },
  };
})();
