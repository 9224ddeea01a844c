namespace Mcp.Agent.Serving;

/// <summary>
/// The time that podman has when somebody only looks. The master waits 5 s for a node: a podman that hangs has to be told before that, or the
/// node itself would seem to be silent.
/// </summary>
internal sealed class PodmanLook : IDisposable
{
    private const double Seconds = 2.5;

    private readonly CancellationTokenSource _limit;
    private readonly CancellationToken _call;

    /// <summary>Starts the time.</summary>
    public PodmanLook(CancellationToken call)
    {
        _call = call;
        _limit = CancellationTokenSource.CreateLinkedTokenSource(call);
        _limit.CancelAfter(TimeSpan.FromSeconds(Seconds));
    }

    /// <summary>What is said then.</summary>
    public static string Problem { get; } = FormattableString.Invariant($"podman hangs: no answer within {Seconds} s");

    /// <summary>For the calls to podman.</summary>
    public CancellationToken Token => _limit.Token;

    /// <summary>Whether podman used up its time, and not the caller its patience.</summary>
    public bool Expired => _limit.IsCancellationRequested && !_call.IsCancellationRequested;

    /// <summary>What to type.</summary>
    public static string Hint(string node) => $"on {node}: podman info; if that hangs, too: systemctl restart podman.service, and kill a podman that does not end";

    /// <inheritdoc/>
    public void Dispose() => _limit.Dispose();
}
