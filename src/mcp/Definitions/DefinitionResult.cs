using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>What reading a definition gave: the definition and its spec, or every mistake at once.</summary>
internal sealed record DefinitionResult
{
    /// <summary>The file as it was named.</summary>
    public required string File { get; init; }

    /// <summary>What was written; null when the text is not TOML.</summary>
    public ServiceDefinition? Definition { get; init; }

    /// <summary>The resolved spec; null when there is any problem.</summary>
    public ServiceSpec? Spec { get; init; }

    /// <summary>Every mistake, in the order of the text; empty when the definition is good.</summary>
    public IReadOnlyList<TextProblem> Problems { get; init; } = [];

    /// <summary>Keys that are read and not used, and the like.</summary>
    public IReadOnlyList<TextProblem> Warnings { get; init; } = [];

    /// <summary>The resolved spec.</summary>
    /// <exception cref="McpException">InvalidArgument with every problem.</exception>
    public ServiceSpec RequireSpec() => Spec ?? throw new McpException(
        FaultCode.InvalidArgument, $"the definition {File} has {(Problems.Count == 1 ? "one mistake" : $"{Problems.Count} mistakes")}; nothing was changed")
    {
        Problems = Problems,
        Hint = $"edit {File}",
    };
}
