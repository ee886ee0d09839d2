"""Data sets whose samples are made from columns when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from mmengine.dataset import force_full_init

if TYPE_CHECKING:
    from mmengine.dataset import BaseDataset as _Base
else:
    _Base = object


class RowSamples(_Base):
    """A data set with columns in place of a pickle for each sample; before mmengine's class.

    ``data_address`` has the rows of the samples, and ``data_bytes`` is empty: so mmengine's
    methods for subsets work. A data set that has not called :meth:`serve` is as mmengine's.
    """

    # attributes of mmengine's, which has no type hints
    _fully_initialized: bool
    _indices: Any
    data_address: Any
    data_bytes: Any
    serialize_data: bool
    _in_rows: bool = False

    def row_info(self, row: int) -> dict[str, Any]:
        """Return the sample in a row of the columns, without its index."""
        raise NotImplementedError

    def overrides(self, base: type, names: Sequence[str]) -> bool:
        """Return whether a class derived from ``base`` has made one of these methods anew."""
        order = type(self).__mro__
        derived = order[: order.index(base)]
        return any(name in vars(one) for one in derived for name in names)

    def serve(self, rows: np.ndarray) -> None:
        """Take samples from these rows from now on."""
        self.data_bytes, self.data_address, self._in_rows = np.empty(0, np.uint8), rows, True
        if self._indices is not None:
            self.data_address = self._part_of_rows(self._indices)
        if not self.serialize_data:
            self.data_list = [self.row_info(row) for row in self.data_address.tolist()]
            self._in_rows = False

    @force_full_init  # type: ignore[untyped-decorator]
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return a sample before the pipeline, as mmengine's data sets do."""
        if not self._in_rows:
            return super().get_data_info(idx)
        info = self.row_info(int(self.data_address[idx]))
        info["sample_idx"] = idx if idx >= 0 else len(self) + idx
        return info

    def _get_serialized_subset(self, indices: Sequence[int] | int) -> tuple[Any, Any]:
        if not self._in_rows:
            return super()._get_serialized_subset(indices)
        return self.data_bytes, self._part_of_rows(indices)

    def _part_of_rows(self, indices: Sequence[int] | int) -> np.ndarray:
        """Return the first rows, the last (of a negative number), or those of these indices."""
        if isinstance(indices, int):
            part = slice(indices) if indices >= 0 else slice(indices, None)
            return self.data_address[part]
        return self.data_address[np.array(list(indices), np.int64)]
