// What an AudioWorkletGlobalScope has and TypeScript's DOM library does not declare.

declare const currentTime: number;
declare const sampleRate: number;

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

declare function registerProcessor(
  name: string,
  processor: new (options: AudioWorkletNodeOptions & { processorOptions: any }) => AudioWorkletProcessor,
): void;
