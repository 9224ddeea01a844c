using Mcp.Confined.V1;
using Mcp.Confinement.Walls;

namespace Mcp.Confinement.Work;

/// <summary>The second life of a confined child: one job, its frames, and the end. A new kind of job is a case here and a file beside this one.</summary>
internal static class ConfinedWork
{
    /// <summary>Does the job that stands on stdin.</summary>
    /// <param name="walls">What the first stage raised (<see cref="StandingWalls.ToText"/>).</param>
    /// <returns>The exit code.</returns>
    public static int Run(string walls)
    {
        using var input = Console.OpenStandardInput();
        using var output = Console.OpenStandardOutput();
        try
        {
            using var port = new WorkPort(input, output);
            ConfinedOutput last;
            try
            {
                last = new ConfinedOutput { Result = Do(port, StandingWalls.Parse(walls)) };
            }
            catch (Exception e)
            {
                last = new ConfinedOutput { Fault = ConfinedFaults.From(e) };
            }
            port.Finish(last);
            return last.PartCase == ConfinedOutput.PartOneofCase.Result ? 0 : 1;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static ConfinedResult Do(WorkPort port, StandingWalls walls) => port.Job.WorkCase switch
    {
        ConfinedJob.WorkOneofCase.Probe => new ConfinedResult { Probe = ProbeWork.Do(port.Job.Probe, walls) },
        ConfinedJob.WorkOneofCase.Export => new ConfinedResult { Export = new ExportWork(port.Job.Export, port).Do() },
        ConfinedJob.WorkOneofCase.Inspect => new ConfinedResult { Inspect = InspectWork.Do(port.Job.Inspect) },
        ConfinedJob.WorkOneofCase.Import => new ConfinedResult { Import = ImportWork.Do(port.Job.Import, port) },
        ConfinedJob.WorkOneofCase.Erase => new ConfinedResult { Erase = new EraseResult { Bytes = EraseWork.Do(port.Job.Erase.Folder) } },
        ConfinedJob.WorkOneofCase.Verify => new ConfinedResult { Verify = VerifyWork.Do(port.Job.Verify, port) },
        var unknown => throw new InvalidDataException($"no job of the kind {unknown}"),
    };
}
