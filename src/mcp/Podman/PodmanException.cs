using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Podman;

/// <summary>How a call to podman failed.</summary>
internal enum PodmanFailure
{
    /// <summary>Nobody answers on the socket, or the connection broke before the answer was complete. What happened there is not known.</summary>
    Unreachable,

    /// <summary>Podman took longer than the call may take. What happened there is not known.</summary>
    TimedOut,

    /// <summary>Podman answered that it will not or cannot do it.</summary>
    Refused,

    /// <summary>The answer is not what podman promises.</summary>
    Malformed,

    /// <summary>The answer is larger than any honest one.</summary>
    TooLarge,
}

/// <summary>
/// A call to podman that failed; callers add the place (service, step) with <see cref="ToFault"/>. After <see cref="PodmanFailure.Unreachable"/>,
/// <see cref="PodmanFailure.TimedOut"/> and an answer of 5xx the effect may have happened all the same: inspect before a retry.
/// </summary>
internal sealed class PodmanException : Exception
{
    /// <summary>Built by the client only; <paramref name="what"/> names the call and the socket.</summary>
    public PodmanException(PodmanFailure kind, string what, string? cause = null, int status = 0, Exception? inner = null)
        : base(cause is null ? what : $"{what}: {cause}", inner)
    {
        Kind = kind;
        What = what;
        Reason = cause;
        Status = status;
    }

    /// <summary>How it failed.</summary>
    public PodmanFailure Kind { get; }

    /// <summary>The call that failed, printable.</summary>
    public string What { get; }

    /// <summary>Podman's own words (message and cause), or the operating system's, printable and bounded.</summary>
    public string? Reason { get; }

    /// <summary>The HTTP status of a refusal; 200 for an error that arrived inside a stream; 0 when there was no answer.</summary>
    public int Status { get; }

    /// <summary>The next command to type.</summary>
    public string? Hint { get; init; }

    /// <summary>Whether the effect may have happened although the call failed.</summary>
    public bool EffectUnknown => Kind != PodmanFailure.Refused || Status >= 500;

    /// <summary>Whether a container or network of that name exists already (podman 4 says so with status 500 or 409).</summary>
    public bool NameTaken => Kind == PodmanFailure.Refused &&
        (Status == 409 || (Reason?.Contains("already in use", StringComparison.Ordinal) ?? false) || (Reason?.Contains("already exists", StringComparison.Ordinal) ?? false));

    /// <summary>The same failure with the place where it happened, ready to cross a boundary.</summary>
    /// <param name="what">What was being done: <c>start of notes-web</c>.</param>
    public McpException ToFault(string what) => new(Code, $"{what}: podman {Short}", this)
    {
        Cause = Reason is null ? What : $"{What}: {Reason}",
        Hint = Hint,
    };

    private FaultCode Code => Kind switch
    {
        PodmanFailure.Unreachable => FaultCode.Unavailable,
        PodmanFailure.TimedOut => FaultCode.DeadlineExceeded,
        PodmanFailure.TooLarge => FaultCode.ResourceExhausted,
        PodmanFailure.Malformed => FaultCode.Unavailable,
        _ when Status == 404 => FaultCode.NotFound,
        _ when NameTaken => FaultCode.AlreadyExists,
        _ => FaultCode.FailedPrecondition,
    };

    private string Short => Kind switch
    {
        PodmanFailure.Unreachable => "does not answer",
        PodmanFailure.TimedOut => "did not answer in time",
        PodmanFailure.TooLarge => "sent an answer that is too large",
        PodmanFailure.Malformed => "sent an answer that makes no sense",
        _ => "refused",
    };

    /// <summary>Text from podman, made printable and bounded.</summary>
    internal static string Words(string? text) => Printable.Line(text?.Trim(), 2000);
}
