namespace Mcp.EndToEnd.Harness;

/// <summary>Where the parts of a <see cref="PairFleet"/> stand, for those who want something else than loopback and a small disk.</summary>
internal sealed record PairSetting
{
    /// <summary>The size of bee's own disk in MiB; null: it shares the disk of the others.</summary>
    public int? BeeDiskMiB { get; init; } = PairFleet.BeeDisk;

    /// <summary>What is added to the master's configuration.</summary>
    public string MasterSettings { get; init; } = "";

    /// <summary>The address of master and ant.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The address of bee.</summary>
    public string BeeHost { get; init; } = "127.0.0.1";

    /// <summary>What starts bee's programs, as <c>nsenter --net=…</c>; empty: nothing does.</summary>
    public IReadOnlyList<string> BeeBefore { get; init; } = [];

    /// <summary>Whether the master calls the nodes over a <see cref="NodeLine"/> each, which can be cut.</summary>
    public bool Lines { get; init; }
}
