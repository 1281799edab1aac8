// For threads whose work must never slow down what somebody waits for.

#pragma once

namespace farshore {

/// The calling thread gives way to others, on the CPU and on the disk, from now on. Where the
/// system does not allow it, it stays as it is.
void give_way_to_others();

} // namespace farshore
