using Mcp.Archive;

namespace Mcp.Master.Snapshots;

/// <summary>Lets what writes into a stream fill an intake: the master's own state, which comes from no agent. For a thread that may block.</summary>
internal sealed class IntakeStream(ArchiveIntake intake, CancellationToken cancellation) : OneWayStream
{
    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer) => intake.WriteAsync(buffer.ToArray(), cancellation).GetAwaiter().GetResult();
}
