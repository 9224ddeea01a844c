using System.Text;

namespace Mcp.Podman;

/// <summary>How a command in a container ended.</summary>
/// <param name="ExitCode">Its exit code; null when it did not end in time.</param>
/// <param name="Output">Its output, both streams in the order they came, cut at the limit.</param>
/// <param name="Cut">Whether there was more output than is kept.</param>
/// <param name="TimedOut">Whether the time ran out. The process was killed where that is permitted (always, as root), and may run on otherwise.</param>
internal sealed record ExecResult(int? ExitCode, ReadOnlyMemory<byte> Output, bool Cut, bool TimedOut)
{
    /// <summary>The output as text; not printable.</summary>
    public string Text => Encoding.UTF8.GetString(Output.Span);
}
