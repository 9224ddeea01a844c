using Mcp.Confined.V1;
using Mcp.Errors;

namespace Mcp.Confinement;

/// <summary>What a role says of its walls at start: tried, not presumed.</summary>
internal static class ConfinementProbe
{
    /// <summary>Starts a child and has it try to get out.</summary>
    /// <param name="program">How a child is started.</param>
    /// <param name="outside">A file that this user may read.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <returns>The walls in words, and every hole in words.</returns>
    /// <exception cref="McpException">No child can be started behind walls: nothing that reads a service's files will work.</exception>
    public static async Task<(string Walls, IReadOnlyList<string> Holes)> RunAsync(ConfinedProgram program, string outside, CancellationToken cancellation)
    {
        var answer = await ConfinedChild.RunAsync(program, new ConfinedFolders(), new ConfinedJob { Probe = new ProbeJob { Outside = outside } }, "tries its walls", cancellation);
        var probe = answer.Probe;
        List<string> holes = [];
        if (probe.OutsideRead.Length == 0)
            holes.Add("files of others can be read");
        if (probe.OutsideWrite.Length == 0)
            holes.Add("files can be made outside");
        if (probe.Internet.Length == 0 || probe.Local.Length == 0)
            holes.Add("sockets can be opened");
        if (probe.Process.Length == 0)
            holes.Add("other processes can be signalled");
        return (probe.Walls, holes);
    }
}
