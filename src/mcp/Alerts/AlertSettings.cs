namespace Mcp.Alerts;

/// <summary>What a role's configuration says about alerts.</summary>
internal sealed record AlertSettings
{
    /// <summary>argv of the program that is run for every document; empty: alerts are not sent, conditions are kept all the same.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The shortest time between two documents about the beginning of the same thing.</summary>
    public required TimeSpan Cooldown { get; init; }

    /// <summary>The fleet's domain, for the documents.</summary>
    public required string Fleet { get; init; }

    /// <summary>Who speaks about the sending itself; an agent's node, empty on the master.</summary>
    public string Node { get; init; } = "";

    /// <summary>What one run of the command may take before it is killed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Runs for one document before it is given up: the first and three more after 2, 4 and 8 s, with jitter.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Documents that may wait for their turn; what comes on top waits for the end of a cooldown.</summary>
    public int MostWaiting { get; init; } = 100;
}
