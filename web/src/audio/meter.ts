/** How loud a stream is, for eyes. */

export const FLOOR_DBFS = -72;

export class Meter {
  readonly #source: MediaStreamAudioSourceNode;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #spectrum: Uint8Array<ArrayBuffer>;

  constructor(context: AudioContext, stream: MediaStream) {
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0.72, minDecibels: -84, maxDecibels: -24 });
    this.#source.connect(this.#analyser);
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#spectrum = new Uint8Array(this.#analyser.frequencyBinCount);
  }

  /** Level of the last 20 ms or so. */
  levelDbfs(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return Math.max(FLOOR_DBFS, 10 * Math.log10(power + 1e-12));
  }

  /** Fill `bands` with the voice's bands from low to high, each 0 to 1. */
  readBands(bands: Float32Array): void {
    this.#analyser.getByteFrequencyData(this.#spectrum);
    const edges = bandEdges(bands.length, this.#analyser.context.sampleRate / this.#analyser.fftSize);
    for (let band = 0; band < bands.length; band += 1) {
      let peak = 0;
      const last = Math.max(edges[band + 1] ?? 0, (edges[band] ?? 0) + 1);
      for (let bin = edges[band] ?? 0; bin < last; bin += 1) peak = Math.max(peak, this.#spectrum[bin] ?? 0);
      bands[band] = peak / 255;
    }
  }

  close(): void {
    this.#source.disconnect();
  }
}

/** Where `count` bands from 100 to 5000 Hz begin, in bins of `binHz`, evenly spaced to the ear. */
export function bandEdges(count: number, binHz: number): number[] {
  const [low, high] = [100, 5000];
  return Array.from({ length: count + 1 }, (_, band) => Math.round((low * (high / low) ** (band / count)) / binHz));
}

/** A level as a share of the meter's length, 0 to 1. */
export function shareOf(levelDbfs: number): number {
  return Math.min(1, Math.max(0, (levelDbfs - FLOOR_DBFS) / -FLOOR_DBFS));
}
