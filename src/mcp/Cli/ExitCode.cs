namespace Mcp.Cli;

/// <summary>What the process answers to its caller (contract §14). Scripts depend on these numbers.</summary>
internal static class ExitCode
{
    /// <summary>Done, or nothing to do.</summary>
    public const int Done = 0;

    /// <summary>It failed, was refused, or the command line was wrong.</summary>
    public const int Error = 1;

    /// <summary>A plan has changes.</summary>
    public const int Changes = 2;

    /// <summary><c>status --check</c> found something.</summary>
    public const int Findings = 3;

    /// <summary><c>master run</c>: the fleet obeys another master by now. Its unit does not start it again.</summary>
    public const int Outlived = 4;
}
