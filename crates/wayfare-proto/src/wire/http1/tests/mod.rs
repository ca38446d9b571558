//! The tests of the codec as a whole: tables of faults, splits, and a comparison with a peer.
