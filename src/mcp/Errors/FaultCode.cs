namespace Mcp.Errors;

/// <summary>The kinds of expected failure; each maps to exactly one gRPC status (see Transport).</summary>
internal enum FaultCode
{
    /// <summary>The request or a file is wrong in itself.</summary>
    InvalidArgument,

    /// <summary>What was named does not exist.</summary>
    NotFound,

    /// <summary>The name belongs to something else.</summary>
    AlreadyExists,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied,

    /// <summary>The caller could not be identified.</summary>
    Unauthenticated,

    /// <summary>The state of the fleet forbids it; a change by the operator is needed first.</summary>
    FailedPrecondition,

    /// <summary>Somebody else moved first; look again and retry.</summary>
    Aborted,

    /// <summary>The other side could not be reached; retrying later may help.</summary>
    Unavailable,

    /// <summary>A time limit ran out; what happened is to be asked, not guessed.</summary>
    DeadlineExceeded,

    /// <summary>A limit of rate, size, disk or count.</summary>
    ResourceExhausted,

    /// <summary>Stored state is damaged.</summary>
    DataLoss,

    /// <summary>Not built yet, or not offered by this version.</summary>
    Unimplemented,

    /// <summary>A broken promise of our own.</summary>
    Internal,
}
