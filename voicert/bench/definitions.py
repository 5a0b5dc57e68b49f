"""What the bench's numbers mean, as ``voicert bench --help`` says it."""

DEFINITIONS = """\
what is measured:
  The bench is a client like any other. It speaks WAV files in real time, in chunks of 20 ms, and
  plays the answers through the same jitter buffer as the page, into a simulated speaker that takes
  128 samples at a time. Both count samples on one clock, so every time is the one at the listener's
  ear. A real microphone and speaker add their own latency.

  response gap   end of the user's speech -> first audible assistant sample at the speaker. The
                 speech ends with the last 10 ms of the recording whose RMS level is within 45 dB of
                 its loudest 10 ms; audible is a sample above -50 dBFS. Turns in which an answer is
                 heard before that are counted apart and have no gap.
  round trip     a sample at the microphone -> the earliest speaker sample that could depend on it,
                 for the first sample of each frame, which waits longest. The sum of these stages:
    capture      the frame's first sample is taken -> its last one is handed to the network
    transport    what remains between that and the answer's arrival, both ways, without
    queue        the frame is complete at the server -> the engine begins with it
    encode, model, decode
                 the work on that frame (the table has all frames, heard or not)
    playback     the answer's frame arrives -> its first sample leaves the speaker
  stop time      onset of the user's barge-in (the first 10 ms by the measure above) -> the last
                 sample of the interrupted answer leaves the speaker. Only answers that the server
                 cancelled have one; those that went on to their end are counted apart.
  decision to silence
                 the server decides to fall silent -> the last sample of the interrupted answer leaves the
                 speaker. The decision is placed at the last input sample that it depends on, which the
                 server tells when it holds an answer; else at the arrival of the event that ends it.
  backchannel    a hum, a cough or a noise during an answer. The answer must come to its end, each of its
                 samples must be heard once (none passed over but silence, none again), and its words must be
                 those of the same answer undisturbed.
  heard history  an answer is cut at a random place while the speaker is late by a random time. The last word
                 of the item's transcript must be the last word that had begun to sound.
  deadline miss  a frame whose step ends later than one frame period after its input was complete.

  p50, p95 and p99 are percentiles with linear interpolation.

files for --wav:
  Those named long* ask for an answer long enough to be interrupted, those named interrupt* are said
  over it, those named backchannel* are heard during one, all others are requests. Any sample rate and
  number of channels will do.

exit codes: 0, or 1 when no turn was answered, or 2 on an error.
"""
