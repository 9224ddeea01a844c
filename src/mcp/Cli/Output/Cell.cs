namespace Mcp.Cli.Output;

/// <summary>What a value means, from which a terminal takes its colour; plain text shows the words alone.</summary>
internal enum Tone
{
    /// <summary>Nothing in particular.</summary>
    Plain,

    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Worth a look.</summary>
    Warning,

    /// <summary>Broken.</summary>
    Bad,

    /// <summary>Secondary.</summary>
    Dim,
}

/// <summary>One cell of a table.</summary>
/// <param name="Text">May come from anywhere; it is escaped when it is printed.</param>
/// <param name="Tone">What it means.</param>
internal readonly record struct Cell(string Text, Tone Tone = Tone.Plain)
{
    /// <summary>A cell that means nothing in particular.</summary>
    public static implicit operator Cell(string text) => new(text);

    /// <summary>A number.</summary>
    public static implicit operator Cell(long number) => new(number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>A state word in the colour that fits it.</summary>
    public static Cell State(string state) => new(state, state switch
    {
        "running" or "healthy" or "active" or "placed" or "served" or "succeeded" => Tone.Good,
        "stopped" or "exited" or "created" or "undeployed" or "invited" or "aside" or "not served" => Tone.Dim,
        "unhealthy" or "missing" or "failed" or "error" or "revoked" or "dead" => Tone.Bad,
        "unknown" or "pending" or "warning" or "put-back" or "cordoned" or "staging" => Tone.Warning,
        _ => Tone.Plain,
    });
}
