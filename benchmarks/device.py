"""An amplifier on real LSL outlets: one sample at a time in real time, and a note of when each went out."""

import threading

import numpy as np
import pylsl

from memhacl.stream.lsl.clock import local_clock
from memhacl.stream.lsl.describe import make_info
from memhacl.stream.signals import StreamFormat
from memhacl.stream.spec import SignalSpec


class Device:
    """Outlets for every modality of ``spec`` at its rate; `sent` maps sample number to its time of pushing (s)."""

    def __init__(self, spec: SignalSpec) -> None:
        self.rate = spec.rate
        self.start = 0.0
        self.sent: dict[int, float] = {}
        self._stop = threading.Event()
        self._outlets = []
        for m in spec.modalities:
            form = StreamFormat(f"device-{m.modality}", m.modality, m.channels, m.unit, spec.rate)
            self._outlets.append((pylsl.StreamOutlet(make_info(form, source_id=form.name)), len(m.channels)))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Start to send noise."""
        self.start = local_clock()
        self._thread.start()

    def end(self) -> None:
        """Stop sending."""
        self._stop.set()
        self._thread.join()

    def pushed(self, stamp: float) -> float:
        """Time at which the sample stamped ``stamp`` went out."""
        return self.sent[round((stamp - self.start) * self.rate)]

    def _run(self) -> None:
        noise = np.random.default_rng(0).normal(size=(1024, 64)).astype(np.float32)
        number = 0
        while not self._stop.is_set():
            due = self.start + number / self.rate
            self._stop.wait(max(due - local_clock(), 0))
            for outlet, channels in self._outlets:
                outlet.push_sample(noise[number % 1024, :channels], due)
            self.sent[number] = local_clock()
            number += 1
