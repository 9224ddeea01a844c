using Mcp.Errors;

namespace Mcp.Cli.Doctor;

/// <summary>
/// One thing that <c>mcp doctor</c> looks at; each is a class of its own and knows nothing of the others. It may throw and it may take too long:
/// <see cref="DoctorRun"/> makes a line of either.
/// </summary>
internal abstract class DoctorCheck(string name)
{
    /// <summary>One word, the first of each of its lines.</summary>
    public string Name => name;

    /// <summary>Looks, and says what it found; nothing at all where there is nothing to look at.</summary>
    public abstract Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel);

    /// <summary>As it should be.</summary>
    protected DoctorLine Ok(string message) => new(name, Verdict.Ok, message);

    /// <summary>Works, but.</summary>
    protected DoctorLine Warning(string message, string remedy) => new(name, Verdict.Warning, message, remedy);

    /// <summary>Does not work.</summary>
    protected DoctorLine Error(string message, string remedy) => new(name, Verdict.Error, message, remedy);

    /// <summary>A refusal of the program's own code as a line.</summary>
    protected DoctorLine Error(McpException e, string remedy = "see docs/operations.md") =>
        new(name, Verdict.Error, e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}", e.Hint ?? remedy);
}
