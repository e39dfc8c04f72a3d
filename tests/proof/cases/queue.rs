//! Who waits, and who goes next: the queue, with classes and without, and the dispatcher before a gate.

use tollgate::{
    Breaker, Dispatcher, Entry, Gate, JobId, Ledger, Limits, Queue, QueuePolicy, Request, TokenBucket, Work,
};
use tollgate_proof::{any, cases, seen};

/// The questions that every queue answers, each with any state.
macro_rules! questions {
    ($queue:ty) => {{
        let queue = any::<&mut $queue>;
        seen(<$queue>::new(any()));
        seen(queue().submit(any(), any(), any()));
        seen(queue().requeue(any(), any(), any()));
        seen(queue().head(any()).map(|waiting| waiting.id));
        queue().candidates(any()).for_each(|waiting| seen(waiting.id));
        seen(queue().pop(any()));
        seen(queue().take(any(), any()));
        seen(queue().cancel(any()));
        seen(queue().expire(any()));
        seen((queue().next_expiry(), queue().next_ready(any()), queue().get(any()).map(|waiting| waiting.id)));
        queue().jobs().for_each(seen);
        seen((queue().len(), queue().is_empty(), queue().policy(), queue().clock_faults()));
        queue().restart(any());
    }};
}

/// Asks for anything.
struct Call;

impl Work for Call {
    fn request(&self, _: JobId) -> Request<'_> {
        any()
    }
}

type Money = Ledger<'static, 2, 0, 2, 0, 25>;
type Full = Dispatcher<Gate<Limits<TokenBucket, (), Money, Breaker>, 8, 4>, Call, 32, 3>;

cases! {
    queue_of_classes {
        questions!(Queue<u64, 32, 3>);
    }

    queue_of_one_class {
        questions!(Queue<u64, 4>);
    }

    queue_entries {
        seen(Entry::new(any(), any::<u64>()).key(any()).class(any()).deadline(any()));
        seen(QueuePolicy::default());
    }

    dispatcher {
        seen(Full::new(any(), any()));
        let full = any::<&mut Full>;
        seen(full().submit(any(), any()));
        seen(full().requeue(any(), any(), any()));
        seen(full().next(any()));
        seen(full().dispatch(any()));
        seen(full().cancel(any()));
        seen(full().next_event(any()));
    }
}
