using System.Text;

namespace Mcp.Podman;

/// <summary>Which lines of a container's log to read.</summary>
internal sealed record LogQuery
{
    /// <summary>Stay until the container ends.</summary>
    public bool Follow { get; init; }

    /// <summary>Only lines at or after it; podman 4 compares whole seconds.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only the last so many lines; null is all.</summary>
    public int? Tail { get; init; }
}

/// <summary>One line of a container's log.</summary>
/// <param name="IsError">From stderr.</param>
/// <param name="Time">When conmon read it, in whole seconds; null when podman did not say.</param>
/// <param name="Bytes">The line as it was written, without its line feed: not necessarily UTF-8, not printable.</param>
/// <param name="Cut">Whether the line was longer than is kept.</param>
internal sealed record LogLine(bool IsError, DateTimeOffset? Time, ReadOnlyMemory<byte> Bytes, bool Cut)
{
    /// <summary>The line as text; bytes that are no UTF-8 become U+FFFD. Still not printable.</summary>
    public string Text => Encoding.UTF8.GetString(Bytes.Span);
}
