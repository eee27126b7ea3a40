//! What only a server can do to a journal: go away, come back, forget, and let others in.

mod faults;
mod protection;
