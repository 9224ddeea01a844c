using Mcp.Names;

namespace Mcp.Cli.Connecting;

/// <summary>Ctrl-C while an operation runs: the terminal lets go, the operation goes on.</summary>
internal sealed class DetachedException(OperationId id, string what) : OperationCanceledException($"{what} goes on without this terminal")
{
    /// <summary>What to watch it by.</summary>
    public OperationId Id { get; } = id;
}
