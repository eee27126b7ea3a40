//! Style is a test.
//!
//! What a reviewer would have to say again and again stands here instead: who may depend on whom, how long a file and a
//! function may be, what program code never does, what is documented, what does not belong into a public repository.
//! Every failure names a file, a line and the remedy. `cargo test -p portcullis --test tidy` runs all of it.

mod tidy {
    mod banned;
    mod documents;
    mod floors;
    mod paths;
    mod sizes;
    mod source;
    mod workspace;
}
