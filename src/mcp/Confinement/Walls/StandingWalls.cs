using System.Globalization;

namespace Mcp.Confinement.Walls;

/// <summary>Which walls a child stands behind; limits, dropped powers and the call filter always, or it would not run.</summary>
/// <param name="Landlock">The kernel's version of it; 0: it has none, and files outside are protected by their modes alone.</param>
/// <param name="Network">Whether it has a network namespace of its own; without one the call filter alone keeps it from sockets.</param>
internal readonly record struct StandingWalls(int Landlock, bool Network)
{
    /// <summary>On the command line.</summary>
    public string ToText() => $"{Landlock.ToString(CultureInfo.InvariantCulture)},{(Network ? "own" : "shared")}";

    /// <summary>For people.</summary>
    public string Describe() => $"{(Landlock > 0 ? $"Landlock {Landlock}" : "no Landlock")}, system call filter, {(Network ? "a network of its own" : "the network of its parent without sockets")}, limits of memory, time and files";

    /// <summary>The way back of <see cref="ToText"/>.</summary>
    public static StandingWalls Parse(string text) =>
        text.Split(',') is [var landlock, var network] && int.TryParse(landlock, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
            ? new StandingWalls(version, network == "own")
            : throw new FormatException($"{text} does not name walls");
}
