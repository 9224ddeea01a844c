using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>What reading a definition gave: the definition and its spec, or every mistake at once.</summary>
internal sealed record DefinitionResult
{
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
    public ServiceSpec RequireSpec() => throw new NotImplementedException();
}

/// <summary>TOML text → definition, checked by the rules that master and agent run again.</summary>
internal static class DefinitionReader
{
    /// <summary>Reads a definition; <paramref name="file"/> is only the name that problems carry.</summary>
    public static DefinitionResult Read(string file, string text) => throw new NotImplementedException();

    /// <summary>Reads a definition from a file; a missing or unreadable file is a problem, not an exception.</summary>
    public static DefinitionResult ReadFile(string path) => throw new NotImplementedException();
}
