using Mcp.Confinement.Walls;
using Mcp.Confinement.Work;

namespace Mcp.Cli;

/// <summary>
/// <c>mcp confined …</c> and <c>mcp confined-work …</c>, hidden: the two lives of a confined child (Confinement/). Before the command line's framework, which has no part
/// in it: what runs behind the walls is as little as possible.
/// </summary>
internal static class ConfinedCommand
{
    /// <summary>Runs either stage; null: the arguments are of another command.</summary>
    public static int? TryRun(string[] args) => args switch
    {
        [WallPlan.FirstVerb, .. var walls] => FirstStage.Run(walls),
        [WallPlan.SecondVerb, var standing] => ConfinedWork.Run(standing),
        _ => null,
    };
}
