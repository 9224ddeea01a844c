using System.Text;

namespace Mcp.Errors;

/// <summary>
/// The one exception that crosses a boundary (RPC, command line). Its words must carry the place: the published file has no line numbers.
/// Everything in it is printed to an operator, so it never holds a secret.
/// </summary>
internal sealed class McpException : Exception
{
    /// <summary>What failed, in words, with the place: "deploy of notes on orion: image x was not found".</summary>
    public McpException(FaultCode code, string what, Exception? inner = null)
        : base(what, inner) => Code = code;

    /// <summary>Which kind of failure it is.</summary>
    public FaultCode Code { get; }

    /// <summary>The node where it failed, when it is not this one.</summary>
    public string? Node { get; init; }

    /// <summary>The step of the operation that failed.</summary>
    public string? Step { get; init; }

    /// <summary>Why, in the words of whoever refused.</summary>
    public string? Cause { get; init; }

    /// <summary>The next command to type.</summary>
    public string? Hint { get; init; }

    /// <summary>After a partial change: what state things are in now.</summary>
    public string? State { get; init; }

    /// <summary>Every mistake of a text at once.</summary>
    public IReadOnlyList<TextProblem> Problems { get; init; } = [];

    /// <summary>All parts on separate lines, as a log or a terminal shows them.</summary>
    public string Describe()
    {
        var text = new StringBuilder(Message);
        foreach (var problem in Problems)
            text.Append('\n').Append("  ").Append(problem);
        if (Node is not null)
            text.Append("\n  node: ").Append(Node);
        if (Step is not null)
            text.Append("\n  step: ").Append(Step);
        if (Cause is not null)
            text.Append("\n  cause: ").Append(Cause);
        if (State is not null)
            text.Append("\n  state: ").Append(State);
        if (Hint is not null)
            text.Append("\n  next: ").Append(Hint);
        return text.ToString();
    }
}
