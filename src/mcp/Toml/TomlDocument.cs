using Mcp.Errors;

namespace Mcp.Toml;

/// <summary>
/// One TOML text as it was read. The getters of its tables add to <see cref="Problems"/>, so the order of use is: read, take every key that is
/// known, <see cref="RejectUnknown"/>, and only then look whether there are problems.
/// </summary>
internal sealed class TomlDocument
{
    /// <summary>The file as it was named.</summary>
    public string File => throw new NotImplementedException();

    /// <summary>The top-level table; empty when the text could not be read at all.</summary>
    public TomlTable Root => throw new NotImplementedException();

    /// <summary>Every mistake so far, in the order of the text.</summary>
    public IReadOnlyList<TextProblem> Problems => throw new NotImplementedException();

    /// <summary>What is not wrong but will not do what its writer thinks, in the order of the text.</summary>
    public IReadOnlyList<TextProblem> Warnings => throw new NotImplementedException();

    /// <summary>Whether the text was TOML at all: false after a syntax error, when missing keys say nothing.</summary>
    public bool IsWellFormed => throw new NotImplementedException();

    /// <summary>Adds a problem for every key of every table that no getter asked for, naming the keys that exist there.</summary>
    public void RejectUnknown() => throw new NotImplementedException();

    /// <summary>Adds a problem at the place of a dotted key, or of the nearest table around it when the key is missing.</summary>
    public void AddProblem(string key, string message) => throw new NotImplementedException();

    /// <summary>As <see cref="AddProblem"/>, for a warning.</summary>
    public void AddWarning(string key, string message) => throw new NotImplementedException();

    /// <summary>Throws when there are problems.</summary>
    /// <exception cref="McpException">InvalidArgument with all problems; <paramref name="what"/> begins the message, as "the agent's configuration".</exception>
    public void ThrowIfWrong(string what) => throw new NotImplementedException();
}
