using System.Diagnostics.CodeAnalysis;

namespace Mcp.Definitions;

/// <summary>How a running service is asked to make its data ready.</summary>
internal enum SnapshotMethodKind
{
    /// <summary>No method: configuration, certificates and databases only.</summary>
    Absent,

    /// <summary>The whole directory.</summary>
    Full,

    /// <summary>SnapshotService.Snapshot on the component's gRPC route.</summary>
    Grpc,

    /// <summary><c>component snapshot</c> in the container.</summary>
    Cli,

    /// <summary>The words of a command in the container.</summary>
    Exec,
}

/// <summary>The key <c>snapshot.method</c>, parsed.</summary>
/// <param name="Kind">Which method.</param>
/// <param name="Words">For <see cref="SnapshotMethodKind.Exec"/>: the argument list; no shell ever sees it.</param>
internal sealed record SnapshotMethod(SnapshotMethodKind Kind, IReadOnlyList<string> Words)
{
    /// <summary>Parses the key's value, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SnapshotMethod? method, [NotNullWhen(false)] out string? problem) =>
        throw new NotImplementedException();
}
